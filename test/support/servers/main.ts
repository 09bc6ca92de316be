// The server with the fake driver, which only tests and measurements choose.
import '../memory-driver/register.ts';
import '../../../src/app/main.ts';
