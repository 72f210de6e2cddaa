/** What the threads of the probes can be told to do. */
export type Job = (typeof JOBS)[number];

const JOBS = ['read', 'fma'] as const;
const [ROUND, JOB, LANES, AMOUNT, DONE] = [0, 1, 2, 3, 4];

/** Starts threads at a time and waits for the last, by words that all of them see. */
export class Barrier {
  readonly buffer: SharedArrayBuffer;
  readonly #words: Int32Array;

  /** @param buffer what another thread made */
  constructor(buffer = new SharedArrayBuffer(20)) {
    this.buffer = buffer;
    this.#words = new Int32Array(buffer);
  }

  /** Has the first `lanes` of the threads do a job, and returns when it is done and all wait again. */
  run(job: Job, lanes: number, threads: number, amount: number): void {
    const words = this.#words;
    words[JOB] = JOBS.indexOf(job);
    words[LANES] = lanes;
    words[AMOUNT] = amount;
    Atomics.store(words, DONE, 0);
    Atomics.add(words, ROUND, 1);
    Atomics.notify(words, ROUND);
    for (let done = 0; done < threads; done = Atomics.load(words, DONE)) {
      Atomics.wait(words, DONE, done);
    }
  }

  /** Does what is asked for, for ever. */
  serve(lane: number, work: (job: Job, amount: number) => void): never {
    const words = this.#words;
    for (let round = 0; ;) {
      Atomics.wait(words, ROUND, round);
      const now = Atomics.load(words, ROUND);
      if (now === round) continue;
      round = now;
      if (lane < words[LANES]!) work(JOBS[words[JOB]!]!, words[AMOUNT]!);
      Atomics.add(words, DONE, 1);
      Atomics.notify(words, DONE);
    }
  }
}
