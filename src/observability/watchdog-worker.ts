import { takeWatch } from '../core/concurrency/watch-loop.ts';

takeWatch();
setInterval(() => {}, 2 ** 30); // the watch by itself keeps no thread alive
