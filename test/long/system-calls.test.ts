import { systemCallTests } from '../support/exhaustive/system-calls.js';

systemCallTests(1);
