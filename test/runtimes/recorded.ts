/** What the suite records in every runtime, in the order of its checks; written down from Node 20. */
export const RECORDED = {
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
  'sha256 of decode': '11e1d08cd809861e36c351015ad0c82ebedca4c0f203001ab7e12364a2cbd0d6',
  'tokens of the conversation': [1067, 44, 261, 335, 44, 396, 707, 97],
};
