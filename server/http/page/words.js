// The page in the browser's language: English stands where it is said, and is the key to the same in the other languages.

const THERE = ["en", "de", "es", "hi"]; // those of what the server says: server/reply/spoken.py

const base = (tag) => tag.toLowerCase().split("-")[0];

// The tag of the first language that the browser's user reads and that is there.
export const locale = navigator.languages.find((tag) => THERE.includes(base(tag))) ?? "en";
export const language = base(locale);

const words = language === "en" ? {} : (await import(`./words-${language}.js`)).words;

// Returns the sentence in the page's language, with `parts` in the place of their {name}.
export function say(english, parts = {}) {
  return (words[english] ?? english).replace(/\{(\w+)\}/g, (_, name) => parts[name]);
}

// Puts what stands in the page into its language.
export function translate() {
  document.documentElement.lang = language;
  const texts = document.createTreeWalker(document.documentElement, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const text = texts.currentNode;
    const english = text.data.trim();
    text.data = text.data.replace(english, () => say(english));
  }
  for (const attribute of ["aria-label", "alt"]) {
    for (const one of document.querySelectorAll(`[${attribute}]`)) {
      one.setAttribute(attribute, say(one.getAttribute(attribute)));
    }
  }
}
