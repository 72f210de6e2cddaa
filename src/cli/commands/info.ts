import { command } from '../arguments.ts';
import { EXIT_CODE } from '../exit.ts';
import { describeModel, renderModel } from '../report/model-report.ts';
import { MODEL_OPTIONS, openModel } from '../open-model.ts';
import { print } from '../terminal/output.ts';

const SPEC = {
  name: 'info',
  about: 'Show a model, its sizes and what computes it.',
  options: MODEL_OPTIONS,
  notes: [
    'The cache is compared with multi-head attention (MHA) of as many heads, and with the MHA model\n' +
      'of as many parameters where the TPA paper has trained one.',
  ],
};

/** `tpa info`. */
export const infoCommand = command(SPEC, async ({ values }, host) => {
  const opened = await openModel(values, host);
  using model = opened.model;
  const report = describeModel(model, opened.path);
  print(host.stdout, values.json ? `${JSON.stringify(report)}\n` : renderModel(report));
  return EXIT_CODE.ok;
});
