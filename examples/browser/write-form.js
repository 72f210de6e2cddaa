const form = document.querySelector('#write');
const start = document.querySelector('#start');
const stop = document.querySelector('#stop');
const more = document.querySelector('#more');
const asked = document.querySelector('#asked');
const written = document.querySelector('#written');
const sheet = document.querySelector('#sheet');

/** So far from its end a text is still followed: a line, and less than a press of an arrow key. */
const NEAR_PIXELS = 32;

/** The part of the page where a prompt is written, and the text that follows. */
export const writeForm = {
  /** Calls back when text is asked for, from the prompt or from where it ended, and to end it. */
  listen({ onWrite, onMore, onStop }) {
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      onWrite();
    });
    more.addEventListener('click', onMore);
    stop.addEventListener('click', onStop);
    form.addEventListener('keydown', (event) => {
      if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      onWrite();
    });
    document.addEventListener('keydown', ({ key }) => {
      if (key === 'Escape') onStop();
    });
  },

  get prompt() {
    return form.elements.prompt.value;
  },

  /** What is set under Options; an empty field leaves it to the model. */
  get options() {
    const fields = {
      temperature: '#temperature',
      maxTokens: '#max-tokens',
      seed: '#seed',
      pace: '#pace',
    };
    const filled = Object.entries(fields)
      .map(([name, id]) => [name, document.querySelector(id).value])
      .filter(([, value]) => value !== '');
    return Object.fromEntries(filled.map(([name, value]) => [name, Number(value)]));
  },

  /** Shows Stop in place of Write, or the other way round and "Go on"; focus stays among them. */
  show({ isWriting, canGoOn }) {
    const hadFocus = [start, stop, more].includes(document.activeElement);
    start.hidden = isWriting;
    stop.hidden = !isWriting;
    more.hidden = isWriting || !canGoOn;
    written.classList.toggle('growing', isWriting);
    if (hadFocus) (isWriting ? stop : start).focus();
  },

  /** An empty text after this prompt: it goes on in the same line, or answers below it. */
  begin(prompt, isAnswered) {
    asked.textContent = isAnswered ? `${prompt}\n\n` : prompt;
    written.textContent = '';
    sheet.scrollIntoView({ block: 'nearest' });
    sheet.scrollTop = sheet.scrollHeight;
  },

  /** Goes on, in sight of a reader who has not gone back. */
  add(text) {
    const fromEnd = sheet.scrollHeight - sheet.scrollTop - sheet.clientHeight;
    written.append(text);
    if (fromEnd < NEAR_PIXELS) sheet.scrollTop = sheet.scrollHeight;
  },
};
