import type { LoadProgress } from '../index.ts';
import type { Output } from './host.ts';

/** Cells of the bar; a narrower line gets the percentage alone. */
const BAR_CELLS = 30;
const LABEL = 'loading';
/** `loading [` … `] 100%`, and the last column, which some terminals wrap at. */
const BAR_COLUMNS = LABEL.length + BAR_CELLS + ' [] 100%'.length + 1;
/** Where a terminal does not know its width (0) or does not say. */
const USUAL_COLUMNS = 80;
/** Back to the start of the line, and nothing left of it. */
const ERASE_LINE = '\r\u001B[2K';

/** A bar on one line, redrawn in place, without colour. */
export class ProgressBar {
  readonly #output: Output;
  #percent: number | undefined;

  constructor(output: Output) {
    this.#output = output;
  }

  /** Draws, if a percent more is done. */
  update({ loaded, total }: LoadProgress): void {
    const percent = Math.floor((100 * loaded) / total);
    if (percent === this.#percent) return;
    this.#percent = percent;
    this.#output.write(ERASE_LINE + renderProgress(percent, this.#output.columns || USUAL_COLUMNS));
  }

  /** Leaves no trace on the line. */
  erase(): void {
    if (this.#percent !== undefined) this.#output.write(ERASE_LINE);
    this.#percent = undefined;
  }
}

/** @param percent 0 … 100 */
export function renderProgress(percent: number, columns: number): string {
  const share = `${String(percent).padStart(3)}%`;
  if (columns < BAR_COLUMNS) return share;
  const done = Math.floor((percent * BAR_CELLS) / 100);
  return `${LABEL} [${'#'.repeat(done).padEnd(BAR_CELLS, '-')}] ${share}`;
}
