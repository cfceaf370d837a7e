// The page: photo, question, answer, and what was asked before. State lives in this file; the rest is in its modules.

import { AskFailed, Conversation, UNREACHED } from "./ask.js";
import { keep, kept, shownRow } from "./history.js";
import { onPhoto, prepared, Refused } from "./photo.js";
import { showWritten } from "./written.js";
import { showLook } from "./looked.js";
import { offered, showModels } from "./models.js";
import { onSample } from "./samples.js";
import { canListen, canSpeak, hush, listen, speak } from "./voice.js";
import { language, locale, say, translate } from "./words.js";

translate();

const byId = (id) => document.getElementById(id);
const conversation = new Conversation();
const SURE = {
  VERDICT_ANSWERED: "",
  VERDICT_UNSURE: say("It is not sure. Check before you rely on it."),
  VERDICT_UNANSWERABLE: say("The photo does not show the answer."),
};

const WORTH_SHOWING = 0.005; // of an alternative: less is shown as 0 %

let asking = null; // the AbortController of the question under way
let stopListening = null;
let choice = null; // the newest selection; its `ready` resolves to whether there is a photo to be asked about
let photoName = byId("photo-name").textContent; // what is said of the photo that is there
const history = kept(); // `photos`: how many were chosen, to name them

function show(id, text, textLanguage = language) {
  byId(id).textContent = text;
  byId(id).lang = textLanguage;
  byId(id).hidden = !text;
}

// It stands below what it is about, so that both are seen.
function fail(message, messageLanguage = language, about = byId("live")) {
  about.after(byId("problem"));
  show("problem", message, messageLanguage);
}

// ---- the photo

onPhoto([byId("camera"), byId("file")], byId("drop"), chosen, fail);

onSample((file, question) => {
  byId("question").value = question;
  chosen(file);
}, () => fail(UNREACHED, language, byId("samples")));

function chosen(file) {
  if (asking) {
    asking.abort();
    asking = null;
    byId("send").removeAttribute("aria-disabled");
    show("spoken", say("Nothing asked about the new photo yet."));
  }
  const mine = { ready: null };
  choice = mine;
  mine.ready = taken(mine, file);
}

// Returns whether the file has become the photo that is asked about; a newer choice, or what is no photo, has not.
async function taken(mine, file) {
  fail("");
  byId("photo-name").textContent = say("Preparing the photo …");
  let photo;
  try {
    photo = await prepared(file);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    if (mine === choice) {
      choice = null; // the photo before it stays
      refuseFile(error.message);
    }
    return false;
  }
  if (mine !== choice) return false;
  history.photos += 1;
  keep(history);
  conversation.setPhoto(photo);
  const preview = byId("preview");
  URL.revokeObjectURL(preview.src);
  preview.src = URL.createObjectURL(photo);
  preview.hidden = false;
  const called = { number: history.photos, name: file.name || say("pasted") };
  photoName = say("Photo {number}: {name}. Ask about it below.", called);
  byId("photo-name").textContent = photoName;
  if (!asking) { // else a question waits for this photo
    show("spoken", say("New photo. Ask about it."));
    clearAnswer();
    byId("question").focus();
  }
  return true;
}

function refuseFile(message) {
  byId("photo-name").textContent = photoName;
  if (asking) show("spoken", say("Nothing asked."));
  const until = say("Until then, you ask about photo {number}.", { number: history.photos });
  fail(conversation.photo ? `${message} ${until}` : message);
  intoView();
}

byId("preview").addEventListener("error", () => {
  byId("preview").hidden = true; // the server will say what is wrong with it
});

// ---- asking

byId("ask").addEventListener("submit", async (event) => {
  event.preventDefault();
  const question = byId("question").value.trim();
  if (!conversation.photo && !choice) return refuse(say("There is no photo yet. Take or choose one first."), "file");
  if (!question) return refuse(say("The question is empty. Write what you want to know."), "question");
  asking?.abort();
  const mine = new AbortController();
  asking = mine;
  hush();
  fail("");
  clearAnswer();
  show("spoken", say("Looking …"));
  byId("send").setAttribute("aria-disabled", "true");
  try {
    const there = await (choice?.ready ?? true);
    if (!there || asking !== mine) return; // it is said already why
    const response = await conversation.ask(question, locale, mine.signal);
    if (asking === mine) told(question, response);
  } catch (error) {
    if (error.name === "AbortError") return;
    if (!(error instanceof AskFailed)) throw error;
    show("spoken", say("No answer."));
    byId("login").hidden = error.status !== 401;
    if (error.status === 401) return refuse(error.message, "token", error.language);
    fail(error.message, error.language);
    intoView();
  } finally {
    if (asking === mine) {
      asking = null;
      byId("send").removeAttribute("aria-disabled");
    }
  }
});

function refuse(message, focus, messageLanguage = language) {
  fail(message, messageLanguage, byId(focus).closest(".row") ?? byId(focus)); // two buttons for a photo are a row
  byId(focus).focus();
  byId("problem").scrollIntoView({ block: "nearest" });
}

byId("login").addEventListener("submit", (event) => {
  event.preventDefault();
  const token = byId("token").value.trim();
  if (/[^\x21-\x7e]/.test(token)) {
    // fetch would throw: no header can hold it
    return refuse(say("The token has a character that no token has. It is letters, digits and signs, without spaces."), "token");
  }
  conversation.token = token || null;
  byId("login").hidden = true;
  fail("");
  offered(conversation);
  byId("ask").requestSubmit();
});

// ---- the answer

function clearAnswer() {
  byId("spoken").classList.add("quiet");
  show("meant", "");
  show("sure", "");
  show("coach", "");
  byId("speak").hidden = true;
  byId("others").hidden = true;
  byId("written").hidden = true;
  showLook(null);
}

function told(question, response) {
  const issue = response.photoIssues[0];
  byId("spoken").classList.remove("quiet");
  show("spoken", response.spoken, response.language);
  show("meant", response.questionMeant && say("I took that as: {question}", { question: response.questionMeant }));
  // Then the sentence says it all.
  const beyond = response.missingSkill !== "SKILL_UNSPECIFIED" || response.unfamiliar.length > 0;
  show("sure", beyond ? "" : SURE[response.verdict] ?? "");
  // Said once: an unanswerable photo's hint is part of what is spoken.
  show("coach", issue && !response.spoken.includes(issue.hint) ? issue.hint : "", response.language);
  const likely = response.answers.filter((answer, place) => place === 0 || answer.probability >= WORTH_SHOWING);
  byId("alternatives").replaceChildren(...likely.map(bar));
  byId("others").hidden = likely.length === 0 || response.textLines.length > 0; // each line has its own
  showWritten(response.textLines, bar);
  showLook(response.attention);
  byId("speak").hidden = !canSpeak;
  if (byId("always").getAttribute("aria-pressed") === "true") sayIt();
  remember({ photo: history.photos, question, spoken: response.spoken, language: response.language });
  if (matchMedia("(pointer: coarse)").matches) {
    byId("answer-title").focus({ preventScroll: true }); // the field would bring up the keys, over the answer
  } else {
    byId("question").focus({ preventScroll: true });
    byId("question").select(); // the next question replaces this one
  }
  intoView();
}

function intoView() {
  const fits = byId("answer").offsetHeight <= window.innerHeight;
  byId("answer").scrollIntoView({ block: fits ? "nearest" : "start" });
}

function bar(answer) {
  const percent = `${Math.round(100 * answer.probability)} %`;
  const row = document.createElement("li");
  const label = document.createElement("span");
  const number = document.createElement("span");
  const meter = document.createElement("meter");
  const seen = answer.label !== "unanswerable";
  label.lang = seen ? "" : language; // the model's own, whatever that is
  label.textContent = seen ? answer.label : say("not to be seen in the photo");
  number.textContent = percent;
  meter.value = answer.probability;
  meter.setAttribute("aria-hidden", "true"); // the number beside it says the same
  row.append(label, number, meter);
  return row;
}

function remember(row) {
  history.rows.push(row);
  keep(history);
  shown(row);
}

function shown(row) {
  byId("history").prepend(shownRow(row));
  byId("forget").hidden = false;
}

history.rows.forEach(shown);

byId("forget").addEventListener("click", () => {
  history.rows.length = 0;
  keep(history);
  byId("history").replaceChildren();
  byId("forget").hidden = true;
  byId("question").focus();
});

showModels(conversation);

// ---- speech

function sayIt() {
  const parts = ["spoken", "coach"].map(byId).filter((part) => !part.hidden);
  speak(parts.map((part) => part.textContent).join(" "), byId("spoken").lang || locale);
}

byId("speak").addEventListener("click", sayIt);
byId("always").hidden = !canSpeak;
byId("always").addEventListener("click", () => {
  const on = byId("always").getAttribute("aria-pressed") !== "true";
  byId("always").setAttribute("aria-pressed", String(on));
  if (on && !byId("speak").hidden) sayIt();
  if (!on) hush();
});

byId("voice").hidden = !canListen;
byId("voice").addEventListener("click", () => {
  if (stopListening) return stopListening();
  hush();
  fail("");
  byId("voice").setAttribute("aria-pressed", "true");
  let said = false;
  stopListening = listen(
    locale,
    (text, isFinal) => {
      byId("question").value = text;
      said ||= isFinal;
    },
    (error) => {
      stopListening = null;
      byId("voice").setAttribute("aria-pressed", "false");
      if (said) byId("ask").requestSubmit();
      else if (error) refuse(say("The question was not heard. Speak again, or write it."), "voice");
    },
  );
});
