// Where the model looked: the rest of the photo is dark while the button is pressed.

const DARKEST = 0.7; // of black, over what was not looked at

const byId = (id) => document.getElementById(id);

// Takes `attention` as the response has it, or nothing where there is none for the photo that is shown.
export function showLook(attention) {
  byId("look").hidden = !attention;
  if (attention) draw(attention);
  shade();
}

function draw({ rows, columns, weights }) {
  const canvas = byId("looked");
  [canvas.width, canvas.height] = [columns, rows]; // stretched over the photo, smoothly
  const most = Math.max(...weights);
  const cells = new ImageData(columns, rows); // black, and as clear as a cell was looked at
  weights.forEach((weight, place) => {
    cells.data[4 * place + 3] = 255 * DARKEST * (1 - weight / most);
  });
  canvas.getContext("2d").putImageData(cells, 0, 0);
}

function shade() {
  const button = byId("look");
  byId("looked").hidden = button.hidden || button.getAttribute("aria-pressed") !== "true";
}

byId("look").addEventListener("click", () => {
  const on = byId("look").getAttribute("aria-pressed") !== "true";
  byId("look").setAttribute("aria-pressed", String(on));
  shade();
  if (on) byId("preview").scrollIntoView({ block: "nearest" });
});
