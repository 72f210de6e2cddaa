import type { Place, Report } from '../conformance/suite.ts';

/** A runtime or a way to get the package there: a row of the README's table. */
export interface Host {
  readonly title: string;
  /** How the kernels get there. */
  readonly kernels: string;
  /** What is particular, for readers. */
  readonly notes: string;
  readonly variants: readonly Variant[];
}

/** One way to run the suite there. */
export interface Variant {
  /** What is particular, for tests; '' where there is one only. */
  readonly title: string;
  /** Where the suite has to find its models. */
  readonly expected: Expected;
  /** Runs the suite once. @throws Error if there is no report */
  run(): Promise<Outcome>;
}

/** Where models compute; the reasons where they are not those that were asked for. */
export interface Expected extends Pick<Place, 'threads' | 'worker'> {
  readonly threadsReason?: RegExp;
  readonly workerReason?: RegExp;
}

/** What a run of a program or a page gave. */
export interface Reported {
  /** As it came of JSON. */
  readonly report: unknown;
  /** What was printed, warned or violated beside the report: nothing, if all is well. */
  readonly complaints: readonly string[];
}

/** What a run of the suite gave. */
export interface Outcome extends Reported {
  readonly report: Report;
}
