/** A stream that text goes to. */
export interface Output {
  readonly isTTY: boolean;
  /** Characters in a line, if it is known. */
  readonly columns?: number | undefined;
  write(text: string): unknown;
}

/** Lines that someone types or a pipe brings. */
export interface LineInput {
  /**
   * The next line without its end, undefined after the last one.
   *
   * @param prompt what a terminal shows in front of it
   */
  read(prompt: string): Promise<string | undefined>;
  /** Lets the input go; idempotent. */
  close(): void;
}

/** All that a command sees of the process. */
export interface Host {
  readonly stdout: Output;
  readonly stderr: Output;
  /** Whether stderr is a terminal that can erase a line. */
  readonly hasProgress: boolean;
  /** Aborted by the first Ctrl-C. */
  readonly signal: AbortSignal;
  /**
   * Makes the next Ctrl-C call `handler` instead, once.
   *
   * @returns a function that cancels this
   */
  readonly catchInterrupt: (handler: () => void) => () => void;
  /** Opens standard input; asked for only if it is read. */
  readonly openStdin: () => AsyncIterable<Uint8Array>;
  /** Opens the terminal for reading lines; undefined where there is none to talk to. */
  readonly openTerminal: (() => LineInput) | undefined;
}
