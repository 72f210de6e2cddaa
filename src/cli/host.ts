/** A stream that text goes to. */
export interface Output {
  readonly isTTY: boolean;
  /** Characters in a line, if it is known. */
  readonly columns?: number | undefined;
  write(text: string): unknown;
}

/** All that a command sees of the process. */
export interface Host {
  readonly stdout: Output;
  readonly stderr: Output;
  /** Whether stderr is a terminal that can erase a line. */
  readonly hasProgress: boolean;
  /** Aborted by the first Ctrl-C. */
  readonly signal: AbortSignal;
  /** Opens standard input; asked for only if it is read. */
  readonly openStdin: () => AsyncIterable<Uint8Array>;
}
