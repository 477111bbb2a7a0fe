import { systemCallTests } from '../exhaustive/_system-calls.js';

systemCallTests(1);
