/*
 * A process for each contender: its peak of memory is its own. It answers one question after the
 * other, and sleeps between them.
 */
import { readdirSync } from 'node:fs';
import { peakResident, processStatus } from '../process-status.ts';
import { type Contender, secondsOf } from './contenders/contender.ts';
import { openLlamaCpp } from './contenders/llama-cpp.ts';
import { openOnnx } from './contenders/onnx.ts';
import { openOwn } from './contenders/own.ts';
import { openWllama } from './contenders/wllama.ts';
import type { Answer, Opening, Question } from './remote.ts';

const opening = JSON.parse(process.argv[2]!) as Opening;
let contender: Contender | undefined;

process.on('message', (question: Question) => {
  void answer(question).then(
    (value) => process.send!({ value } satisfies Answer),
    (error: unknown) => process.send!({ error: String(error) } satisfies Answer),
  );
});

async function answer({ ask, tokens }: Question): Promise<unknown> {
  if (ask === 'open') {
    return secondsOf(async () => {
      contender = await open(opening);
    });
  }
  if (ask === 'peakBytes') return treePeak(process.pid);
  if (ask === 'dispose') return contender!.dispose();
  return contender![ask](tokens);
}

function open({ subject, path, modules, contextLength }: Opening): Promise<Contender> {
  const { runtime, dtype, threads } = subject;
  switch (runtime) {
    case 'tpa-wasm':
      return openOwn(path, dtype, contextLength, threads);
    case 'llama.cpp':
      return openLlamaCpp(modules, path, contextLength, threads);
    case 'wllama':
      return openWllama(modules, path, contextLength, threads);
    case 'onnxruntime-web':
      return openOnnx(contextLength, threads);
  }
}

/** The kernel's own figures of the peaks of a process and of all that it has started, together. */
function treePeak(root: number): number {
  const parents = new Map<number, number>();
  for (const entry of readdirSync('/proc')) {
    const parent = /^\d+$/.test(entry) ? processStatus(Number(entry), 'PPid') : undefined;
    if (parent !== undefined) parents.set(Number(entry), parent);
  }
  const isBelow = (pid: number | undefined): boolean =>
    pid === root || (pid !== undefined && pid > 1 && isBelow(parents.get(pid)));
  const family = [...parents.keys()].filter(isBelow);
  return family.reduce((sum, pid) => sum + (peakResident(pid) ?? 0), 0);
}
