'use strict';

const path = require('path');
const express = require('express');

const app = express();
const port = process.env.PORT || 3000;

app.use(express.json());
app.use(express.static(path.join(__dirname, 'public')));

app.get('/api/time', (request, response) => {
  response.json({ time: new Date().toISOString() });
});

app.use((request, response) => {
  response.status(404).json({ error: 'not found', path: request.path });
});

app.use((error, request, response, next) => {
  console.error(error);
  if (response.headersSent) {
    next(error);
  } else {
    response.status(error.status || 500).json({ error: 'something went wrong' });
  }
});

const server = app.listen(port, () => {
  console.log(`Listening on port ${port}`);
});

// A new version is there: answer what is under way, then go.
process.on('SIGTERM', () => server.close());
