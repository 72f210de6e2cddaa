import type { LoadProgress } from '../../index.ts';
import type { Output } from './host.ts';

/** Cells of the bar; a narrower line gets the percentage alone. */
const BAR_CELLS = 30;
/** ` [` … `] 100%`, and the last column, which some terminals wrap at. */
const BAR_COLUMNS = BAR_CELLS + ' [] 100%'.length + 1;
/** The longest rate that is shown. */
const RATE_COLUMNS = ' 9999.9 MB/s'.length;
const MAX_RATE = 9999.9e6;
/** Where a terminal does not know its width (0) or does not say. */
const USUAL_COLUMNS = 80;
/** Back to the start of the line, and nothing left of it. */
const ERASE_LINE = '\r\u001B[2K';

/** How much is done. */
type Amount = Pick<LoadProgress, 'loaded' | 'total'> & Partial<Pick<LoadProgress, 'rate'>>;

/** A bar on one line, redrawn in place, without colour. */
export class ProgressBar {
  readonly #output: Output;
  readonly #label: string;
  #percent: number | undefined;

  /** @param label what is going on, in one word */
  constructor(output: Output, label = 'loading') {
    this.#output = output;
    this.#label = label;
  }

  /** Draws, if a percent more is done; the rate where one is given. */
  update({ loaded, total, rate }: Amount): void {
    const percent = Math.floor((100 * loaded) / total);
    if (percent === this.#percent) return;
    this.#percent = percent;
    const columns = this.#output.columns || USUAL_COLUMNS;
    this.#output.write(ERASE_LINE + renderProgress(percent, columns, this.#label, rate));
  }

  /** Leaves no trace on the line. */
  erase(): void {
    if (this.#percent !== undefined) this.#output.write(ERASE_LINE);
    this.#percent = undefined;
  }
}

/**
 * @param percent 0 … 100
 * @param rate bytes a second
 */
export function renderProgress(
  percent: number,
  columns: number,
  label = 'loading',
  rate?: number,
): string {
  const share = `${String(percent).padStart(3)}%`;
  if (columns < label.length + BAR_COLUMNS) return share;
  const done = Math.floor((percent * BAR_CELLS) / 100);
  const bar = `${label} [${'#'.repeat(done).padEnd(BAR_CELLS, '-')}] ${share}`;
  if (rate === undefined || columns < label.length + BAR_COLUMNS + RATE_COLUMNS) return bar;
  return `${bar} ${(Math.min(rate, MAX_RATE) / 1e6).toFixed(1)} MB/s`;
}
