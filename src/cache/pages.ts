import { type AttentionSpec, cacheNumbersPerToken } from '../attention/spec.ts';
import type { CacheView } from '../compute/attend.ts';
import type { Compute } from '../compute/compute.ts';
import { bytesOf, numberAt } from '../layout/numbers.ts';
import type { CacheDtype } from '../layout/cache-dtype.ts';
import { PAGE_TOKENS, pageBytes } from '../layout/pages.ts';
import { type FactorRows, type FixedFactors, writeFactors, writeShape } from '../layout/records.ts';

/** A page of factors; `owners` caches refer to it. */
interface Page {
  readonly address: number;
  owners: number;
}

/** Bytes before the page table: the kernels' CacheShape of 76 bytes, then their FactorRows of 32. */
const HEADER = 128;
const ROWS_AT = 80;
/** Pages of a new table; it grows by doubling. */
export const FIRST_CAPACITY = 16;

/** Bytes of a table of so many pages. */
export const tableBytes = (capacity: number): number => HEADER + bytesOf(capacity);

/**
 * One layer's factors in pages of wasm memory, reached through a page table. Appending never
 * moves old tokens, forks share pages until one of them writes, truncating drops pages.
 *
 * Appending is three steps, so that a failed step of a model leaves every layer as it was:
 * `reserve` may fail, `write` fills reserved space, `commit` makes it count.
 */
export class PagedCache implements CacheView {
  readonly kind = 'pages';
  readonly spec: AttentionSpec;
  readonly dtype: CacheDtype;
  readonly #compute: Compute;
  readonly #fixed: FixedFactors;
  readonly #pageBytes: number;
  #pages: Page[] = [];
  #table: number;
  #capacity = FIRST_CAPACITY;
  #length = 0;

  /** @throws TpaError `OUT_OF_MEMORY` */
  constructor(
    compute: Compute,
    spec: AttentionSpec,
    fixed: FixedFactors = {},
    dtype: CacheDtype = 'f32',
  ) {
    this.#compute = compute;
    this.#fixed = fixed;
    this.spec = spec;
    this.dtype = dtype;
    this.#table = this.#createTable(this.#capacity);
    this.#pageBytes = pageBytes(spec, dtype);
  }

  /** Tokens that count. */
  get length(): number {
    return this.#length;
  }

  /** Bytes of the pages referred to; a shared page counts in full. */
  get byteLength(): number {
    return this.#pages.length * this.#pageBytes;
  }

  /** Numbers of a token's factors that the pages hold. */
  get numbersPerToken(): number {
    return cacheNumbersPerToken(this.spec);
  }

  /** Address of the kernels' CacheShape. */
  get shapeAt(): number {
    return this.#table;
  }

  /** Address of the page table. */
  get pagesAt(): number {
    return this.#table + HEADER;
  }

  /**
   * Makes room for `count` tokens after the last, in pages that no other cache sees.
   *
   * @throws TpaError `OUT_OF_MEMORY`; the cache is unchanged then
   */
  reserve(count: number): void {
    const wanted = Math.ceil((this.#length + count) / PAGE_TOKENS);
    try {
      this.#growTable(wanted);
      if (count > 0) this.#unshareLast();
      while (this.#pages.length < wanted) {
        this.#setPage(this.#pages.length, this.#compute.heap.allocate(this.#pageBytes));
      }
    } catch (error) {
      this.trim();
      throw error;
    }
  }

  /** Copies factors into reserved space, as the tokens after the last and `skipped` more; once within a step. */
  write(count: number, rows: FactorRows, skipped = 0): void {
    const first = this.#length + skipped;
    const cost = count * this.numbersPerToken;
    const at = this.#writeRows(rows);
    this.#compute.split(1, cost, 'appendFactors', this.pagesAt, this.shapeAt, first, count, at);
  }

  /**
   * Copies the factors of tokens first … first + count, which count, to `rows`; a factor that is
   * not cached is not written. Now, whatever else is listed to run.
   */
  read(first: number, count: number, rows: FactorRows): void {
    const { kernels } = this.#compute;
    kernels.readFactors(this.pagesAt, this.shapeAt, first, count, this.#writeRows(rows));
  }

  /** Copies the records of tokens first … first + count, which count, to `at`; only of codes. Now. */
  saveRecords(first: number, count: number, at: number): void {
    this.#compute.kernels.saveRecords(this.pagesAt, this.shapeAt, first, count, at);
  }

  /**
   * Copies records into reserved space, as the tokens after the last and `skipped` more; only of codes.
   * Now.
   *
   * @returns whether they hold what a cache can hold
   */
  loadRecords(count: number, at: number, skipped: number): boolean {
    const first = this.#length + skipped;
    const { kernels } = this.#compute;
    return Boolean(kernels.loadRecords(this.pagesAt, this.shapeAt, first, count, at));
  }

  /** Makes `count` written tokens count. */
  commit(count: number): void {
    this.#length += count;
  }

  /** Gives back what was reserved and never committed. */
  trim(): void {
    const kept = Math.ceil(this.#length / PAGE_TOKENS);
    for (const page of this.#pages.splice(kept)) this.#disown(page);
  }

  /** Forgets the tokens from `length` on. */
  truncate(length: number): void {
    this.#length = Math.min(length, this.#length);
    this.trim();
  }

  /**
   * A cache of the same tokens that shares the pages.
   *
   * @throws TpaError `OUT_OF_MEMORY`
   */
  fork(): PagedCache {
    const copy = new PagedCache(this.#compute, this.spec, this.#fixed, this.dtype);
    try {
      copy.#growTable(this.#pages.length);
    } catch (error) {
      copy.dispose();
      throw error;
    }
    copy.#length = this.#length;
    copy.#pages = [...this.#pages];
    for (const page of copy.#pages) page.owners++;
    copy.#writeTable();
    return copy;
  }

  /** Tokens of the pages, where there are any: a state has as many lengths as it keeps states. */
  get lengths(): readonly number[] {
    return this.#length > 0 ? [this.#length] : [];
  }

  /** Gives every page back; the cache must not be used again. */
  dispose(): void {
    this.truncate(0);
    this.#compute.heap.release(this.#table);
  }

  /** Address of the kernels' FactorRows. */
  #writeRows(rows: FactorRows): number {
    return writeFactors(this.#compute.heap, this.#table + ROWS_AT, rows);
  }

  #createTable(capacity: number): number {
    const { heap } = this.#compute;
    const table = heap.allocate(tableBytes(capacity));
    writeShape(heap, table, this.spec, this.#fixed, this.dtype);
    return table;
  }

  #growTable(pages: number): void {
    if (pages <= this.#capacity) return;
    const capacity = Math.max(pages, this.#capacity * 2);
    const table = this.#createTable(capacity);
    this.#compute.heap.release(this.#table);
    this.#table = table;
    this.#capacity = capacity;
    this.#writeTable();
  }

  #writeTable(): void {
    const addresses = this.#pages.map((page) => page.address);
    this.#compute.heap.words(this.pagesAt, addresses.length).set(addresses);
  }

  #setPage(index: number, address: number): void {
    this.#pages[index] = { address, owners: 1 };
    this.#compute.heap.words(numberAt(this.pagesAt, index), 1)[0] = address;
  }

  /** Copies the last page if it is about to be written to and another cache refers to it. */
  #unshareLast(): void {
    const last = this.#pages.at(-1);
    if (last === undefined || last.owners === 1 || this.#length % PAGE_TOKENS === 0) return;
    const { heap } = this.#compute;
    const address = heap.allocate(this.#pageBytes);
    heap.copy(address, last.address, this.#pageBytes);
    this.#disown(last);
    this.#setPage(this.#pages.length - 1, address);
  }

  #disown(page: Page): void {
    page.owners--;
    if (page.owners === 0) this.#compute.heap.release(page.address);
  }
}
