import { expect, test } from 'vitest';
import { attachment } from '../../../../src/http/transport/content-disposition.ts';

test.each([
  ['Übersicht.txt', 'filename="_bersicht.txt"; filename*=UTF-8\'\'%C3%9Cbersicht.txt'],
  ["it's (50%).txt", "filename=\"it's (50_).txt\"; filename*=UTF-8''it%27s%20%2850%25%29.txt"],
  ['a "1"\r\nX: y.txt', 'filename="a _1___X_ y.txt"; filename*=UTF-8\'\'a%20_1___X_%20y.txt'],
  ['..\\..\\evil.bat', 'filename=".._.._evil.bat"; filename*=UTF-8\'\'.._.._evil.bat'],
  ['exe\u202egpj.txt', 'filename="exe_gpj.txt"; filename*=UTF-8\'\'exe_gpj.txt'],
  ['../../tmp/evil.sh', 'filename="evil.sh"; filename*=UTF-8\'\'evil.sh'],
  ['..', 'filename="file"; filename*=UTF-8\'\'file'],
  ['con', 'filename="_con"; filename*=UTF-8\'\'_con'],
  ['\ud800', 'filename="_"; filename*=UTF-8\'\'%EF%BF%BD'],
])('F122 %j is saved under a safe name, and cannot leave its header', (name, wanted) =>
  expect(attachment(name)).toBe(`attachment; ${wanted}`),
);
