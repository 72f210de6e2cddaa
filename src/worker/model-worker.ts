import { connectParent } from './parent.ts';
import { serveModel } from './model.ts';

/* The worker of Node, Deno and Bun that owns a model. */
serveModel(connectParent());
