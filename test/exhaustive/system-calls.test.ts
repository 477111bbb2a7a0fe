import { systemCallTests } from './_system-calls.js';

// Each call fails in test/long.
systemCallTests(7);
