// @module-tag nightly
// One file, because there is only one cluster: the cluster tests run one after another, next to the other tests of their
// group.
import './chart.ts';
import './claims.ts';
import './credentials.ts';
import './driver.ts';
import './e2b.ts';
import './escapes.ts';
import './faults.ts';
import './hostile.ts';
import './pause.ts';
import './services.ts';
import './session.ts';
import './templates.ts';
import './users.ts';
