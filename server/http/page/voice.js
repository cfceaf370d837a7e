// Speech in and out, where the browser has it; where it has not, `canListen` and `canSpeak` are false.

const Recognition = window.SpeechRecognition ?? window.webkitSpeechRecognition;

export const canListen = Boolean(Recognition);
export const canSpeak = "speechSynthesis" in window;

// Listens once; calls heard(text, isFinal) as words come, ended(error or null) at the end. Returns a way to stop.
export function listen(locale, heard, ended) {
  const recognition = new Recognition();
  let failure = null;
  recognition.lang = locale;
  recognition.interimResults = true;
  recognition.onresult = (event) => {
    const result = event.results[event.results.length - 1];
    heard(result[0].transcript.trim(), result.isFinal);
  };
  recognition.onerror = (event) => { failure = event.error; };
  recognition.onend = () => ended(failure);
  recognition.start();
  return () => recognition.stop();
}

export function speak(text, locale) {
  speechSynthesis.cancel();
  const utterance = new SpeechSynthesisUtterance(text);
  utterance.lang = locale;
  speechSynthesis.speak(utterance);
}

export function hush() {
  if (canSpeak) speechSynthesis.cancel();
}
