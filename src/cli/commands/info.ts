import { estimateModel } from '../../index.ts';
import { command } from '../arguments.ts';
import { flag, type OptionValues } from '../command-spec.ts';
import { EXIT_CODE } from '../exit.ts';
import { measureSpeed, type Speed } from '../measure-speed.ts';
import { asTyped, memoryOptions, MODEL_OPTIONS, openModel } from '../open-model.ts';
import { SHIPPED_MODEL } from '../package-files.ts';
import { renderEstimate } from '../report/estimate-report.ts';
import { describeFit, fitRows } from '../report/fit.ts';
import { describeModel, renderModel, withoutSecrets } from '../report/model-report.ts';
import { count, decimals, renderTable, type Row } from '../report/table.ts';
import type { Host } from '../terminal/host.ts';
import { print } from '../terminal/output.ts';

const SPEC = {
  name: 'info',
  about: 'Show whether a model fits and how fast it is; then its sizes and what computes it.',
  options: {
    ...MODEL_OPTIONS,
    estimate: flag('only tell how much memory it takes, from the headers of its files'),
  },
  notes: [
    'The cache is compared with multi-head attention (MHA) of as many heads, and with the MHA model\n' +
      'of as many parameters where the TPA paper has trained one.',
  ],
};

/** `tpa info`. */
export const infoCommand = command(SPEC, async ({ values }, host) => {
  if (values.estimate) {
    await printEstimate(values, host);
    return EXIT_CODE.ok;
  }
  const opened = await openModel(values, host);
  using model = opened.model;
  const report = describeModel(model, opened.path);
  const speed = await measureSpeed(model, host.signal);
  // After the tokens: they make room that every later one uses.
  const fit = describeFit(model.config, report, model.memory(), process.availableMemory());
  if (values.json) {
    print(host.stdout, `${JSON.stringify({ ...report, fit, speed: speed ?? null })}\n`);
  } else {
    const answers = renderTable([...fitRows(fit, model.config), speedRow(speed)]);
    print(host.stdout, `${answers}\n${renderModel(report)}`);
  }
  return EXIT_CODE.ok;
});

/** What loading would take; nothing is loaded. */
async function printEstimate(
  values: OptionValues<typeof MODEL_OPTIONS>,
  { stdout, signal }: Host,
): Promise<void> {
  const { model = SHIPPED_MODEL, json = false } = values;
  const options = { ...memoryOptions(values), signal };
  const estimate = await estimateModel(model, options).catch((error: unknown) => {
    throw asTyped(error);
  });
  const path = withoutSecrets(model);
  const text = json ? `${JSON.stringify({ path, ...estimate })}\n` : renderEstimate(estimate, path);
  print(stdout, text);
}

function speedRow(speed: Speed | undefined): Row {
  if (speed === undefined) return ['writes', 'not measured: no second token could be computed'];
  const { tokens, tokensPerSecond } = speed;
  const how = `measured over ${count(tokens)} at an empty context`;
  return ['writes', `${decimals(tokensPerSecond)} tokens a second, ${how}`];
}
