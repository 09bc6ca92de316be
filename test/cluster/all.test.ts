// One file, because there is one cluster: these run one after another, and the other tests of their group beside them.
import './chart.ts';
import './driver.ts';
import './escapes.ts';
import './faults.ts';
import './hostile.ts';
import './session.ts';
import './templates.ts';
