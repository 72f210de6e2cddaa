import { serveModel } from '../load/remote/worker/serve-model.ts';
import { connectParent } from './parent.ts';

/* The worker of Node, Deno and Bun that owns a model. */
serveModel(connectParent());
