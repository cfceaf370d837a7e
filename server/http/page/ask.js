// Asks the server; a photo goes over once, and later questions about it send its id.

import { language, say } from "./words.js";

export class AskFailed extends Error {
  // `language` is that of the message.
  constructor(message, status, language) {
    super(message);
    this.status = status;
    this.language = language;
  }
}

// Programs are told in which header to send it; a person writes it into a field.
const TOKEN_WANTED = say("This server answers only those who have an access token. Write yours below.");
const TOKEN_WRONG = say("This server does not know that access token. Check it, and write it again.");
export const UNREACHED = say("The server cannot be reached. Check your connection and ask again.");

export class Conversation {
  constructor() {
    this.photo = null; // a Blob
    this.imageId = null; // what the server calls it, once it has seen it
    this.previous = null; // the question before about this photo, and its answer, so that a question may be about those
    this.unanswered = ""; // a question since that one: it may have named what another question is about
    this.model = ""; // the name of one that is served, or "" for the first
    this.token = null; // for servers that want one; kept by this tab alone
  }

  setPhoto(photo) {
    this.photo = photo;
    this.imageId = null;
    this.previous = null;
    this.unanswered = "";
  }

  // Returns the response as the server's JSON has it, with `language`, that of what is spoken; throws AskFailed, or AbortError of `signal`.
  async ask(question, locale, signal) {
    const photo = this.photo;
    if (question.trim()) {
      if (this.unanswered && this.unanswered !== question) this.previous = null;
      this.unanswered = question;
    }
    const response = await this.#answered(question, locale, signal, photo);
    if (photo !== this.photo) return response;
    this.imageId = response.imageId;
    this.unanswered = "";
    const answered = response.verdict === "VERDICT_ANSWERED" && response.answers.length > 0;
    this.previous = { question: response.questionMeant || question, answer: answered ? response.answers[0].label : "" };
    return response;
  }

  async #answered(question, locale, signal, photo) {
    if (this.imageId) {
      try {
        return await this.#send(question, locale, signal, null, this.imageId);
      } catch (error) {
        if (error.status !== 404) throw error; // 404: it is no longer remembered there; send it again
      }
    }
    return this.#send(question, locale, signal, photo, null);
  }

  async #send(question, locale, signal, photo, imageId) {
    const form = new FormData();
    if (photo) form.append("image", photo, "photo");
    else form.append("image_id", imageId);
    form.append("question", question);
    form.append("locale", locale);
    form.append("model", this.model);
    form.append("want_attention", "true");
    if (this.previous) {
      form.append("previous_question", this.previous.question);
      form.append("previous_answer", this.previous.answer);
    }
    return this.#fetched("/v1/ask", { method: "POST", body: form, signal });
  }

  // What is being served, as the server's JSON has it; throws AskFailed.
  about() {
    return this.#fetched(`/v1/model?${new URLSearchParams({ model: this.model })}`, {});
  }

  // The names of the models, that of the default first; throws AskFailed.
  async models() {
    return (await this.#fetched("/v1/models", {})).models;
  }

  async #fetched(path, request) {
    const headers = this.token ? { Authorization: `Bearer ${this.token}` } : {};
    let answer;
    try {
      answer = await fetch(path, { ...request, headers });
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new AskFailed(UNREACHED, 0, language);
    }
    const body = await answer.json().catch(() => ({}));
    if (answer.status === 401) throw new AskFailed(this.token ? TOKEN_WRONG : TOKEN_WANTED, 401, language);
    if (!answer.ok) {
      const ours = say("The server answered with {status}.", { status: answer.status });
      throw new AskFailed(body.detail ?? ours, answer.status, body.detail ? "en" : language);
    }
    return { ...body, language: answer.headers.get("Content-Language") ?? "en" };
  }
}
