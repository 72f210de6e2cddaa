import { connectParent } from './parent.ts';
import { serveThread } from './thread.ts';

/* A thread of Node, Deno and Bun. */
serveThread(connectParent());
