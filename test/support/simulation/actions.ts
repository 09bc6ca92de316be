import { armFailpoints, countFailpointHits } from '../../../src/core/errors/failpoint.ts';
import { sandboxIdOf } from '../../../src/core/model/ids.ts';
import type { Client } from './client.ts';
import type { Server } from './server.ts';
import type { World } from './world.ts';

const weights = {
  send: 30,
  stop: 7,
  delete: 2,
  deleteAgain: 1,
  rename: 3,
  decide: 8,
  follow: 4,
  hangUp: 5,
  watch: 2,
  exec: 5,
  create: 1,
  wait: 10,
  driverFault: 6,
  sandboxDies: 3,
  sandboxHangs: 1,
  sandboxFault: 4,
  commandKilled: 3,
  storeFault: 5,
  crashSession: 2,
  crashRun: 2,
  failpoint: 2,
  kill: 3,
  restart: 1,
};
const modes = ['inject', 'queue', 'replace'] as const;
const kinds = [
  'talk',
  'steps 1',
  'steps 2',
  'steps 3',
  'steps 2 ask',
  'steps 1 fail',
  'steps 1 stuck',
  'steps 1 forever',
  'steps 0',
];
const provisionCodes = [
  'image_missing',
  'sandbox_capacity',
  'sandbox_unavailable',
  'driver_unavailable',
  'quota',
  'deadline_exceeded',
] as const;
const failpoints = [
  'effect.intent.after',
  'effect.outcome.before',
  'driver.create.before',
  'driver.create.afterCall',
  'driver.create.afterRecord',
  'driver.destroy.before',
];

/** Does one random action of a user, or makes one fault. Resolves at once; the effects come later. */
export class Actions {
  readonly #world: World;
  readonly #client: Client;
  #armed: (Disposable & { isSprung(): boolean; fault: string }) | undefined;

  constructor(world: World, client: Client) {
    this.#world = world;
    this.#client = client;
  }

  async act(server: Server, restart: () => Promise<void>): Promise<void> {
    const { dice, backend } = this.#world;
    const client = this.#client;
    const id = dice.pick(client.sessions);
    const kind = dice.weighted(weights);
    this.#disarm();
    if (kind === 'create' || id === undefined) {
      for (let n = dice.between(1, 2); n > 0; n--) client.create();
      return;
    }
    const sandbox = this.#world.sandbox(sandboxIdOf(id));
    switch (kind) {
      case 'send': {
        const times = dice.chance(0.1) ? dice.between(2, 7) : 1;
        for (let n = 0; n < times; n++) client.send(id, dice.pick(modes), dice.pick(kinds));
        return;
      }
      case 'stop':
        void client.stop(id);
        if (dice.chance(0.3)) void client.stop(id);
        return;
      case 'delete':
        return void client.delete(id);
      case 'deleteAgain': {
        const gone = dice.pick([...client.condemned]);
        if (gone) void client.delete(gone);
        return;
      }
      case 'decide':
        return void client.decide(dice.chance(0.5) ? (dice.pick([...client.sessions]) ?? id) : id);
      case 'rename':
        return void client.rename(id);
      case 'follow':
        return void client.follow(id);
      case 'hangUp':
        return dice.pick(client.followers)?.hangUp();
      case 'watch':
        return client.watch(id);
      case 'exec':
        return client.exec(id, dice.chance(0.3) ? dice.between(0, 3_000) : undefined);
      case 'wait':
        return await this.#world.time.pass(dice.pick([1_000, 3_000, 6_500, 13_000, 30_000]));
      case 'driverFault':
        return this.#driverFault();
      case 'sandboxDies': {
        const phase = backend.boxes.get(sandboxIdOf(id))?.info.phase;
        if (phase !== 'ready' && phase !== 'paused') return;
        this.#world.hit('driver: the sandbox dies behind its back');
        return backend.kill(sandboxIdOf(id));
      }
      case 'sandboxHangs':
        if (backend.boxes.get(sandboxIdOf(id))?.info.phase === 'ready') sandbox.hang();
        return;
      case 'sandboxFault':
        for (let n = dice.between(1, 4); n > 0; n--) sandbox.next(dice.pick(['sandbox_lost', 'sandbox_unresponsive']));
        return;
      case 'commandKilled':
        if (sandbox.killOne()) this.#world.hit('sandbox: a running command is killed');
        return;
      case 'storeFault':
        return this.#world.failStore(dice.pick(['store_busy', 'store_unavailable', 'fenced']), dice.between(1, 7));
      case 'crashSession':
        return this.#arm('session.record', "crash: a session's actor");
      case 'crashRun':
        return this.#world.breakRun();
      case 'failpoint': {
        const name = dice.pick(failpoints);
        return this.#arm(name, `failpoint: ${name}`);
      }
      case 'kill':
        return this.#kill(server);
      case 'restart':
        return await restart();
    }
  }

  /** Disarms faults that have not happened yet, so that none happens later. */
  end(): void {
    this.#disarm();
    this.#armed?.[Symbol.dispose]();
    this.#armed = undefined;
  }

  #kill(server: Server): void {
    const { dice } = this.#world;
    const way = dice.weighted({ between: 3, anywhere: 4, where: 3 });
    // Kills between a call of the server and its answer, or before the call arrives.
    if (way === 'anywhere') server.life.killAfter(dice.between(1, 60));
    if (way === 'where')
      server.life.killAt(dice.pick(['after provision', 'after start', 'after destroy', 'after put']));
    if (way !== 'between') return;
    this.#world.hit('server: kill -9 between two events');
    this.#world.lookAround();
    server.life.kill();
  }

  #arm(name: string, fault: string): void {
    if (this.#armed) return;
    const hit = this.#world.dice.between(1, 3);
    const traps = armFailpoints(`${name}=throw@${hit}`, { exit: () => {} });
    const isSprung = () => countFailpointHits(name) >= hit;
    this.#armed = { fault, isSprung, [Symbol.dispose]: () => traps[Symbol.dispose]() };
  }
  #disarm(): void {
    if (!this.#armed?.isSprung()) return;
    this.#world.hit(this.#armed.fault);
    this.#armed[Symbol.dispose]();
    this.#armed = undefined;
  }

  #driverFault(): void {
    const { dice, backend } = this.#world;
    const kind = dice.weighted({ fails: 6, slow: 3, lost: 2, hangs: 2, other: 4 });
    if (kind === 'fails') backend.next('provision', { fail: dice.pick(provisionCodes) });
    if (kind === 'lost') backend.next('provision', { lose: 'driver_unavailable' });
    if (kind === 'hangs') backend.next('provision', 'hang');
    if (kind === 'slow') {
      backend.latency.provision = dice.pick([100, 3_000, 30_000]);
      this.#world.hit('driver: provision is slow');
    }
    if (kind !== 'other') return;
    const method = dice.pick(['attach', 'list', 'destroy', 'pause', 'resume'] as const);
    backend.next(method, dice.pick([{ fail: 'driver_unavailable' }, { lose: 'driver_unavailable' }, 'hang'] as const));
  }
}
