import { takeWatch } from '../core/concurrency/watch-loop.ts';

takeWatch();
setInterval(() => {}, 2 ** 30); // the watch alone keeps no thread alive
