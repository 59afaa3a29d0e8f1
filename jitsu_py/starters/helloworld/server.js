'use strict';

const express = require('express');

const app = express();
const port = process.env.PORT || 3000;

app.get('/', (request, response) => {
  response.type('text').send('Hello World\n');
});

const server = app.listen(port, () => {
  console.log(`Hello World listens on port ${port}`);
});

// A new version is there: answer what is under way, then go.
process.on('SIGTERM', () => server.close());
