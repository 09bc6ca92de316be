import { startWatchdog } from '../core/concurrency/watch-loop.ts';

startWatchdog();
setInterval(() => {}, 2 ** 30); // watching alone does not keep the thread alive
