/** What the suite records in every runtime, in the order of its checks; written down from Node 20. */
export const RECORDED = {
  'sha256 of a GGUF file': '4ec2627d383cc96f0266c1a3cb7b5b94a9385f7ec5a8fb56a475c63440ed2a6d',
  'tokens of seed 1': [
    833, 260, 673, 291, 259, 1673, 1675, 486, 44, 270, 321, 874, 1764, 280, 544, 44, 270, 326, 488,
    276, 260, 277, 413, 291,
  ],
  'tokens of seed 7': [
    270, 541, 876, 1836, 337, 321, 46, 10, 963, 260, 763, 108, 676, 407, 361, 670, 44, 326, 634,
    259, 1494, 1045, 317, 407,
  ],
  'tokens of seed 42': [
    1128, 114, 416, 280, 259, 1918, 367, 280, 291, 260, 257, 1247, 44, 346, 259, 597, 532, 44, 1044,
    1616, 44, 270, 260, 287,
  ],
  'sha256 of prefill': '8804e778c82d5a62ccf210ee98fbed542df173904a53429130c2e80c6163db7e',
  'sha256 of scores': '624acc42a232fae7f0b669c5032f0fb8137fb8c21794cd99612e7fa7d56636dc',
  'sha256 of decode': '11e1d08cd809861e36c351015ad0c82ebedca4c0f203001ab7e12364a2cbd0d6',
  'sha256 of q8': 'be43e9f593befe7a09942313692baf12f1f733dbec016eea4809da76d4cad118',
  'tokens of q8': [
    270, 549, 1376, 1892, 280, 361, 260, 728, 291, 260, 869, 115, 46, 10, 39, 1011, 44, 315, 379,
    259, 1499, 403, 689, 260,
  ],
  'sha256 of q4': 'b8a88b0fbb7c3f2ad638350d0c8fb62411d2d6eea7d350172ca0c453cf845367',
  'tokens of q4': [
    270, 549, 1420, 1950, 651, 337, 259, 565, 617, 46, 10, 39, 841, 44, 309, 586, 387, 437, 726,
    1000, 439, 689, 273, 59,
  ],
  'tokens of the conversation': [1067, 44, 261, 335, 44, 396, 707, 97],
};
