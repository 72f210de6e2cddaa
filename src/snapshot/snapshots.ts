/*
 * What is loaded where a snapshot is taken, restored or shown: 5 KB in one file, since programs that do one
 * do another.
 */
export { readInfo } from './info.ts';
export { restoreSession } from './restore.ts';
export { snapshotChunks, writeSnapshot } from './write.ts';
