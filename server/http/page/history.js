// What was asked in this tab, kept for as long as the tab is open, over reloads too.

import { say } from "./words.js";

const KEY = "asked";
const MOST_ROWS = 200;

// Returns { photos, rows }: how many photos were chosen, and what was asked, oldest first.
export function kept() {
  try {
    const { photos, rows } = JSON.parse(sessionStorage.getItem(KEY));
    return { photos, rows };
  } catch { // nothing yet, or a browser that keeps nothing
    return { photos: 0, rows: [] };
  }
}

export function keep(history) {
  history.rows.splice(0, history.rows.length - MOST_ROWS);
  try {
    sessionStorage.setItem(KEY, JSON.stringify(history));
  } catch { // then it is kept until the page is left
  }
}

// Returns the row as a list item.
export function shownRow({ photo, question, spoken, language }) {
  const row = document.createElement("li");
  const asked = document.createElement("q");
  const said = document.createElement("p");
  asked.textContent = question;
  asked.lang = ""; // whatever language it was asked in
  said.textContent = spoken;
  said.lang = language;
  row.append(say("Photo {number}:", { number: photo }), " ", asked, said);
  return row;
}
