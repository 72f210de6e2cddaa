import type { CDPSession } from 'playwright-core';

/** Where Chromium puts the tasks of a thread. */
const CATEGORIES = 'toplevel,devtools.timeline,disabled-by-default-devtools.timeline';

/** What of an event of a trace is used; times are microseconds. */
interface TraceEvent {
  readonly name: string;
  readonly pid: number;
  readonly tid: number;
  readonly dur?: number;
  readonly tdur?: number;
  readonly args?: { readonly name?: string; readonly data?: { readonly message?: string } };
}

/** Tasks of a page's main thread, in milliseconds. */
export interface Tasks {
  readonly count: number;
  /** The longest by the time of the thread, and by the clock on the wall. */
  readonly longestThread: number;
  readonly longestWall: number;
  readonly threadTotal: number;
}

/** The tasks of the main thread of a page while `work` runs, with what that gives. */
export async function traceTasks<T>(
  session: CDPSession,
  work: () => Promise<T>,
): Promise<{ tasks: Tasks; result: T }> {
  const events: TraceEvent[] = [];
  const collect = ({ value }: { value: object[] }): void => {
    events.push(...(value as TraceEvent[]));
  };
  session.on('Tracing.dataCollected', collect);
  await session.send('Tracing.start', {
    transferMode: 'ReportEvents',
    traceConfig: { includedCategories: CATEGORIES.split(',') },
  });
  const result = await work();
  const complete = new Promise((resolve) => session.once('Tracing.tracingComplete', resolve));
  await session.send('Tracing.end');
  await complete;
  session.off('Tracing.dataCollected', collect);
  return { tasks: tasksOf(events), result };
}

/** @throws Error where the trace shows no main thread, or no task of it */
function tasksOf(events: readonly TraceEvent[]): Tasks {
  const mains = events.filter(
    ({ name, args }) => name === 'thread_name' && args?.name === 'CrRendererMain',
  );
  const isMain = ({ pid, tid }: TraceEvent): boolean =>
    mains.some((main) => main.pid === pid && main.tid === tid);
  const tasks = events.filter((event) => event.name === 'RunTask' && isMain(event));
  if (tasks.length === 0) throw new Error('the trace has no task of a main thread');
  const wall = tasks.map(({ dur = 0 }) => dur / 1000);
  const thread = tasks.map(({ tdur = 0 }) => tdur / 1000);
  return {
    count: tasks.length,
    longestThread: Math.max(...thread),
    longestWall: Math.max(...wall),
    threadTotal: thread.reduce((sum, one) => sum + one, 0),
  };
}
