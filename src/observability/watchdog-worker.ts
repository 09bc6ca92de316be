import { takeWatch } from '../core/concurrency/watch-loop.ts';

takeWatch();
setInterval(() => {}, 2 ** 30); // watching alone does not keep the thread alive
