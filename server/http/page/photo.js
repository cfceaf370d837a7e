// The photo that is being asked about: taken, chosen, dropped or pasted; made small enough to send.

const LONGEST_PX = 2048; // more shows the model nothing, and costs a phone's upload
const MOST_BYTES = 3_000_000; // smaller photos are sent as they are, byte for byte
const SENT_AS_IS = ["image/jpeg", "image/png", "image/webp"];

// Calls chosen(file) for every photo that comes in.
export function onPhoto(inputs, drop, chosen) {
  for (const input of inputs) {
    input.addEventListener("change", () => {
      if (input.files[0]) chosen(input.files[0]);
      input.value = ""; // so that the same photo may be chosen again
    });
  }
  document.addEventListener("paste", (event) => take(event, event.clipboardData));
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    drop.classList.add("over");
  });
  document.addEventListener("dragleave", () => drop.classList.remove("over"));
  document.addEventListener("drop", (event) => {
    event.preventDefault(); // or the browser would leave this page for the photo
    drop.classList.remove("over");
    take(event, event.dataTransfer);
  });

  function take(event, data) {
    const file = [...(data?.files ?? [])].find((one) => one.type.startsWith("image/"));
    if (!file) return;
    event.preventDefault();
    chosen(file);
  }
}

// Returns a Blob to be sent: the file itself, or a smaller JPEG. What the browser cannot read goes as it is.
export async function prepared(file) {
  if (file.size <= MOST_BYTES && SENT_AS_IS.includes(file.type)) return file;
  let picture;
  try {
    picture = await createImageBitmap(file, { imageOrientation: "from-image" });
  } catch {
    return file; // the server then says what is wrong with it
  }
  const scale = Math.min(1, LONGEST_PX / Math.max(picture.width, picture.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(picture.width * scale));
  canvas.height = Math.max(1, Math.round(picture.height * scale));
  canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
  picture.close();
  const small = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.9));
  return small ?? file;
}
