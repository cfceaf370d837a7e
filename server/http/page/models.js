// What is being served: a choice where there are several models, and what is known of the one that is asked.

import { AskFailed } from "./ask.js";
import { language, say } from "./words.js";

const MOST_SHOWN = 30; // of a model's answers

const byId = (id) => document.getElementById(id);

export function showModels(conversation) {
  byId("about").addEventListener("toggle", () => byId("about").open && tell(conversation));
  byId("model").addEventListener("change", () => {
    conversation.model = byId("model").value;
    if (byId("about").open) tell(conversation);
  });
  offered(conversation);
}

// Shows the choice where there is one; a server that wants a token has to be asked again with it.
export async function offered(conversation) {
  let names;
  try {
    names = await conversation.models();
  } catch (error) {
    if (!(error instanceof AskFailed)) throw error;
    return; // an ask will say why
  }
  byId("model").replaceChildren(...names.map((name) => new Option(name)));
  byId("models").hidden = names.length < 2;
}

async function tell(conversation) {
  let model;
  try {
    model = await conversation.about();
  } catch (error) {
    if (!(error instanceof AskFailed)) throw error;
    model = { name: error.message, version: "", about: [], language: error.language };
  }
  byId("about-name").textContent = `${model.name} ${model.version}`;
  byId("about-name").lang = model.about.length ? language : model.language;
  byId("about-answers").textContent = model.answers ? answers(model) : "";
  byId("about-lines").replaceChildren(...model.about.map(line));
}

function answers(model) {
  if (model.spellsAnswers) return say("It spells its answers; there is no list of them.");
  const known = model.answers.filter((answer) => answer !== "unanswerable");
  const some = known.slice(0, MOST_SHOWN).join(", ");
  return say("It chooses from {count} answers, such as {some}.", { count: known.length.toLocaleString(language), some });
}

function line(text) {
  const row = document.createElement("li");
  row.textContent = text;
  return row;
}
