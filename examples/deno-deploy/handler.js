/*
 * Text over HTTP. POST { prompt, maxTokens, seed, … } is answered by server-sent events: { text } for
 * each piece of text, at last { finishReason }, or { error } where it broke off.
 */
const USAGE =
  'POST {"prompt":"Once upon a time","maxTokens":80,"seed":7}, read server-sent events\n';
const EVENTS = { 'content-type': 'text/event-stream', 'cache-control': 'no-store' };
const STATUS = { PROMPT_TOO_LONG: 413, OUT_OF_MEMORY: 503, ABORTED: 503 };
const MAX_BODY_BYTES = 16_384;
/** A slow reader's events are kept, 40 bytes a token, so that it holds up nobody. */
const MAX_TOKENS = 256;
const MAX_WAITING = 8;
/** For a whole answer, the wait for its turn included. */
const DEADLINE_MS = 20_000;

/**
 * One model for all requests, one generation at a time.
 *
 * @param load gives the model: at the first request, and again after it failed
 * @returns what answers a request; its `waitUntil` keeps the request alive after its reader has left
 */
export function createHandler(load) {
  let loading;
  let last = Promise.resolve();
  let waiting = 0;

  async function loadOnce() {
    try {
      const model = await load();
      if (model.tokenizer !== undefined) return model;
      model.dispose();
      throw new Error('the model has no tokenizer');
    } catch (error) {
      loading = undefined;
      throw failure(error);
    }
  }

  async function answer(request, waitUntil) {
    const { prompt, maxTokens = MAX_TOKENS, ...options } = await readBody(request);
    if (typeof prompt !== 'string') throw new TypeError('"prompt" expected text');
    if (maxTokens > MAX_TOKENS) throw new RangeError(`"maxTokens" expected at most ${MAX_TOKENS}`);
    loading ??= loadOnce();
    waitUntil(loading.catch(() => {}));
    const model = await loading;
    const promptTokens = model.tokenizer.encode(prompt).length;
    if (promptTokens === 0) throw new RangeError('"prompt" expected text, got none');
    if (promptTokens >= model.config.contextLength) throw refusal(413, '"prompt" is too long');
    if (waiting > MAX_WAITING) throw refusal(503, 'too many requests are waiting');

    const session = model.createSession();
    try {
      const signal = AbortSignal.any([request.signal, AbortSignal.timeout(DEADLINE_MS)]);
      const generation = session.generate(prompt, { ...options, maxTokens, signal });
      const start = (controller) => {
        waiting += 1;
        last = last
          .then(() => send(generation, controller))
          .catch(() => {}) // its reader has left: `enqueue` throws, and the loop ends the generation
          .finally(() => {
            waiting -= 1;
            session.dispose();
          });
        waitUntil(last);
      };
      return new Response(new ReadableStream({ start }), { headers: EVENTS });
    } catch (error) {
      session.dispose();
      throw error;
    }
  }

  return async (request, waitUntil = () => {}) => {
    if (request.method === 'GET') return new Response(USAGE);
    try {
      if (request.method !== 'POST') throw refusal(405, 'expected GET or POST');
      return await answer(request, waitUntil);
    } catch (error) {
      const { status, ...told } = tell(error);
      return Response.json(told, { status });
    }
  };
}

/** What a reader may know of an error. Failures of the server are for its log: they name its paths. */
function tell(error) {
  const { message, code } = error;
  const isMistake = error instanceof TypeError || error instanceof RangeError;
  const status = error.status ?? STATUS[code] ?? (isMistake ? 400 : 500);
  if (status !== 500) return { status, error: message, code };
  console.error(error);
  return { status, error: 'the server failed', code };
}

/** An error that no reader has made, whatever its class. */
function failure(error) {
  return Object.assign(error, { status: STATUS[error.code] ?? 500 });
}

async function send(generation, controller) {
  const encoder = new TextEncoder();
  for await (const event of eventsOf(generation)) {
    controller.enqueue(encoder.encode(`data: ${JSON.stringify(event)}\n\n`));
  }
  controller.close();
}

async function* eventsOf(generation) {
  try {
    for await (const { text } of generation) if (text !== '') yield { text };
    yield { finishReason: generation.finishReason };
  } catch (error) {
    yield { error: tell(failure(error)).error };
  }
}

async function readBody(request) {
  const chunks = [];
  let size = 0;
  for await (const chunk of request.body ?? []) {
    size += chunk.byteLength;
    if (size > MAX_BODY_BYTES) throw refusal(413, `expected at most ${MAX_BODY_BYTES} bytes`);
    chunks.push(chunk);
  }
  try {
    return Object(JSON.parse(await new Blob(chunks).text()));
  } catch {
    throw new TypeError('the body expected JSON');
  }
}

function refusal(status, message) {
  return Object.assign(new Error(message), { status });
}
