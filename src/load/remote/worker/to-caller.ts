import type { Channel } from '../channel.ts';
import type { CallerAsks, WorkerAsks } from '../protocol.ts';

/** The way to the caller. */
export type ToCaller = Pick<Channel<WorkerAsks, CallerAsks>, 'ask' | 'tell'>;
