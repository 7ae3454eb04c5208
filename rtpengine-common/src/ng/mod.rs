//! The ng control protocol: messages, typed requests, client.
