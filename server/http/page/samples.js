// Photos to try the page with, each with a question about it.

// Calls chosen(file, question) for the sample that is pressed, and missing() where it cannot be had.
export function onSample(chosen, missing) {
  for (const button of document.querySelectorAll(".sample")) {
    button.addEventListener("click", async () => {
      const { src, alt } = button.querySelector("img");
      try {
        const photo = await (await fetch(src)).blob();
        chosen(new File([photo], alt, { type: photo.type }), button.dataset.question);
      } catch (error) {
        if (!(error instanceof TypeError)) throw error; // as fetch has it
        missing();
      }
    });
  }
}
