drop table wr.connections, wr.tickets, wr.events, wr.rooms;
