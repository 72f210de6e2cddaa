import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import type { Evaluated } from './contenders/contender.ts';
import type { Subject } from './subjects.ts';

/** What a contender is opened with. */
export interface Opening {
  readonly subject: Pick<Subject, 'runtime' | 'threads'> & {
    readonly dtype: 'auto' | Subject['dtype'];
  };
  /** Its model's file or folder; '' where it makes its own. */
  readonly path: string;
  /** The node_modules of its runtime; '' for those of this repository. */
  readonly modules: string;
  readonly contextLength: number;
}

/** To the process of a contender. */
export interface Question {
  readonly ask: 'open' | 'prefill' | 'extend' | 'decode' | 'peakBytes' | 'dispose';
  readonly tokens: number;
}

/** From it. */
export type Answer = { readonly value: unknown } | { readonly error: string };

/** A contender in a process of its own. */
export class RemoteContender {
  readonly #process: ChildProcess;
  /** Waited for once: each question would add a listener. */
  readonly #ended: Promise<Answer>;

  constructor(opening: Opening) {
    const file = new URL('process.ts', import.meta.url);
    const flags = ['--import', 'tsx'];
    this.#process = fork(file, [JSON.stringify(opening)], { execArgv: flags });
    this.#ended = once(this.#process, 'exit').then(([code]) => ({ error: `it ended: ${code}` }));
  }

  /** @returns seconds that loading took */
  open(): Promise<number> {
    return this.#ask('open') as Promise<number>;
  }

  /** Seconds until the first token after a prompt. */
  prefill(tokens: number): Promise<number> {
    return this.#ask('prefill', tokens) as Promise<number>;
  }

  extend(tokens: number): Promise<Evaluated> {
    return this.#ask('extend', tokens) as Promise<Evaluated>;
  }

  /** Seconds a token. */
  decode(tokens: number): Promise<number> {
    return this.#ask('decode', tokens) as Promise<number>;
  }

  /** The most memory that it had, those it started included. */
  peakBytes(): Promise<number> {
    return this.#ask('peakBytes') as Promise<number>;
  }

  async dispose(): Promise<void> {
    await this.#ask('dispose').catch(() => {});
    this.#process.kill();
  }

  async #ask(ask: Question['ask'], tokens = 0): Promise<unknown> {
    this.#process.send({ ask, tokens } satisfies Question);
    const told = once(this.#process, 'message').then(([answer]) => answer as Answer);
    const answer = await Promise.race([told, this.#ended]);
    if ('error' in answer) throw new Error(answer.error);
    return answer.value;
  }
}
