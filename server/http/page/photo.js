// The photo that is being asked about: taken, chosen, dropped or pasted; made small enough to send.

import { say } from "./words.js";

const LONGEST_PX = 2048; // more shows the model nothing, and costs a phone's upload
const SHORTEST_PX = 256; // long panoramas and screenshots are not made thinner than this
const MOST_BYTES = 3_000_000; // smaller photos are sent as they are, byte for byte
const MOST_PX = 12_000_000; // some kinds of file are refused from 16 million on
const LONGEST_SENT_PX = 8000; // a side; many programs take no longer one
const KINDS = [ // as files of these kinds begin
  [0xff, 0xd8, 0xff],
  [0x89, 0x50, 0x4e, 0x47],
  [..."RIFF"].map((letter) => letter.charCodeAt(0)),
];
const WANTED = say("Choose a photo that is a JPEG, PNG or WebP.");

export class Refused extends Error {}

// Calls chosen(file) for every file that comes in, and refused(message) for what is none.
export function onPhoto(inputs, drop, chosen, refused) {
  for (const input of inputs) {
    input.addEventListener("change", () => {
      if (input.files[0]) chosen(input.files[0]);
      input.value = ""; // so that the same photo may be chosen again
    });
  }
  document.addEventListener("paste", (event) => take(event, event.clipboardData));
  document.addEventListener("dragover", (event) => {
    if (wordsForField(event)) return;
    event.preventDefault();
    drop.classList.add("over");
  });
  document.addEventListener("dragleave", () => drop.classList.remove("over"));
  document.addEventListener("drop", (event) => {
    drop.classList.remove("over");
    if (wordsForField(event)) return;
    event.preventDefault(); // or the browser would leave this page for the photo
    if (!take(event, event.dataTransfer)) refused(`${say("What was dropped is no file.")} ${WANTED}`);
  });

  function take(event, data) {
    const files = [...(data?.files ?? [])];
    const file = files.find((one) => one.type.startsWith("image/")) ?? files[0];
    if (!file) return false;
    event.preventDefault();
    chosen(file);
    return true;
  }

  function wordsForField(event) {
    return event.target instanceof HTMLInputElement && !event.dataTransfer?.types.includes("Files");
  }
}

// Returns a Blob to be sent: the file itself, or a smaller JPEG. Throws Refused for what is no photo.
export async function prepared(file) {
  const known = await isKnown(file);
  const size = known && await sizeOf(file); // null: broken, and the server will say how
  if (known && !size) return file;
  if (known && file.size <= MOST_BYTES && size.width * size.height <= MOST_PX
    && Math.max(size.width, size.height) <= LONGEST_SENT_PX) return file;
  const small = await shrunk(file).catch(() => null);
  if (small) return small;
  if (known) return file;
  throw refusal(file, "{name} is no photo that can be read here.");
}

async function isKnown(file) {
  let start;
  try {
    start = new Uint8Array(await file.slice(0, 12).arrayBuffer());
  } catch { // a folder, or a file that has gone
    throw refusal(file, "{name} cannot be read.");
  }
  if (!start.length) throw refusal(file, "{name} is empty.");
  return KINDS.some((kind) => kind.every((byte, place) => start[place] === byte));
}

async function sizeOf(file) {
  const image = new Image();
  image.src = URL.createObjectURL(file);
  try {
    await new Promise((resolve, reject) => {
      image.onload = resolve;
      image.onerror = reject;
    });
    return { width: image.naturalWidth, height: image.naturalHeight };
  } catch {
    return null;
  } finally {
    URL.revokeObjectURL(image.src);
  }
}

async function shrunk(file) {
  const picture = await createImageBitmap(file, { imageOrientation: "from-image" });
  const longest = Math.max(picture.width, picture.height);
  const shortest = Math.min(picture.width, picture.height);
  const scale = Math.min(1, Math.max(LONGEST_PX / longest, SHORTEST_PX / shortest), LONGEST_SENT_PX / longest);
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(picture.width * scale));
  canvas.height = Math.max(1, Math.round(picture.height * scale));
  canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
  picture.close();
  return new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.9));
}

function refusal(file, why) {
  return new Refused(`${say(why, { name: file.name ? `“${file.name}”` : say("What was pasted") })} ${WANTED}`);
}
