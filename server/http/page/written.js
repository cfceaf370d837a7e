// What is written in the photo, line by line, to be read again and copied.

import { say } from "./words.js";

// Shows `lines`, as the response has them, with `bar` making a row of each; hides the part where there are none.
export function showWritten(lines, bar) {
  byId("written-lines").replaceChildren(...lines.map((line) => bar({ label: line.text, probability: line.confidence })));
  byId("written").hidden = lines.length === 0;
  byId("copied").textContent = "";
  byId("copy").onclick = () => copy(lines.map((line) => line.text).join("\n"));
}

async function copy(text) {
  let copied = true;
  try {
    await navigator.clipboard.writeText(text);
  } catch { // not allowed, or a page that came over plain HTTP
    const range = document.createRange();
    range.selectNodeContents(byId("written-lines"));
    getSelection().removeAllRanges();
    getSelection().addRange(range);
    copied = false;
  }
  byId("copied").textContent = copied
    ? say("Copied.")
    : say("This browser copies nothing by itself. The text is selected: copy it now.");
}

function byId(id) {
  return document.getElementById(id);
}
