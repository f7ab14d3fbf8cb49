#!/usr/bin/env node
// A placement policy in JavaScript: a new object goes to the partition that executes the
// fewest commands a second, among those that have a label, if the table asks for one.
'use strict';
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const grpc = require('@grpc/grpc-js');
const protoLoader = require('@grpc/proto-loader');
const { HealthImplementation } = require('grpc-health-check');

// What the policy does.

const labelOption = 'busy.label';

// wrongOption tells what is wrong with a table's options; null: nothing.
function wrongOption(options) {
  for (const [option, value] of Object.entries(options)) {
    if (option !== labelOption) return { option, value, allowed: labelOption };
    if (!/^[^=]+=.+$/.test(value)) return { option, value, allowed: "a partition's label, as in 'disk=ssd'" };
  }
  return null;
}

// candidates are the partitions that a table's objects may go to, least busy first.
function candidates(partitions, options) {
  const [label, value] = (options[labelOption] || '').split(/=(.*)/s);
  const open = partitions.filter((p) => !p.closed && (label === '' || p.labels[label] === value));
  return open.sort((a, b) => a.commands_per_second - b.commands_per_second || a.id - b.id);
}

// place chooses a partition for each object. All objects of a statement go to one, so that
// the statement is one log entry.
function place({ options, objects: { homes }, partitions }) {
  const [best] = candidates(partitions, options);
  const reason = best ? `${best.commands_per_second.toFixed(1)} commands a second, the fewest` : 'no partition is fit: its home';
  return {
    partitions: homes.map((home) => (best ? best.id : home)),
    reasons: [reason], // which all of them share
    reason_of: homes.map(() => 0),
  };
}

const policy = {
  Describe: ({ options }) => ({
    name: 'least-busy',
    version: '1.0',
    deterministic: true,
    error: Object.keys(options).length > 0 ? 'the policy takes no options of its own' : '',
  }),
  // It looks at no column of an object, so that none has to be sent, and its answer follows from
  // what it is told of partitions: the server asks again only when that has changed.
  Configure: ({ options }) => ({ error: wrongOption(options), read_columns: { names: [] }, objectwise: true }),
  Place: place,
};

// How it is served.

// The handshake is no secret: it keeps people from starting a policy by hand.
if (process.env.SSMR_PLACEMENT_POLICY !== '4f6d3b52-placement') {
  console.error('This is a placement policy: ssmr-server starts it.');
  process.exit(1);
}

// The server holds the other end of the standard input; it ends when the server does.
process.stdin.resume().on('end', () => process.exit(0));
process.on('SIGTERM', () => process.exit(0));

const proto = protoLoader.loadSync(path.join(__dirname, 'placement.proto'), { keepCase: true, longs: Number, defaults: true });
const { Policy } = grpc.loadPackageDefinition(proto).ssmr.placement.v1;

// A method that the policy does not have (Replace) is answered with UNIMPLEMENTED.
const methods = Object.fromEntries(Object.entries(policy).map(([name, method]) => [name, (call, callback) => {
  try {
    callback(null, method(call.request));
  } catch (e) {
    console.error(e.stack);
    callback({ code: grpc.status.UNKNOWN, details: e.message });
  }
}]));

const server = new grpc.Server({ 'grpc.max_receive_message_length': 128 << 20 });
server.addService(Policy.service, methods);
new HealthImplementation({ plugin: 'SERVING' }).addToServer(server);

const folder = process.env.PLUGIN_UNIX_SOCKET_DIR || fs.mkdtempSync(path.join(os.tmpdir(), 'least-busy-'));
const socket = path.join(folder, `policy-${process.pid}`);
server.bindAsync(`unix:${socket}`, grpc.ServerCredentials.createInsecure(), (err) => {
  if (err) throw err;
  console.log(`1|1|unix|${socket}|grpc`);
});
