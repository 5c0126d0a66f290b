/* A device made with libmodbus: 200 holding and input registers, value = address + 1000, and 16 coils.
 * usage: libmodbus_server tcp          listens on a free port of 127.0.0.1 and prints it
 *        libmodbus_server rtu PATH     unit 1 on a terminal; prints 0 */
#include <arpa/inet.h>
#include <modbus.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int listen_anywhere(int *port) {
    struct sockaddr_in place = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof place;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(listener, (struct sockaddr *)&place, size) || listen(listener, 1)) return -1;
    getsockname(listener, (struct sockaddr *)&place, &size);
    *port = ntohs(place.sin_port);
    return listener;
}

int main(int argc, char **argv) {
    int tcp = argc > 1 && !strcmp(argv[1], "tcp");
    int port = 0;
    int listener = tcp ? listen_anywhere(&port) : -1;
    if (tcp ? listener < 0 : argc < 3) return 2;
    modbus_t *ctx = tcp ? modbus_new_tcp("127.0.0.1", port) : modbus_new_rtu(argv[2], 9600, 'N', 8, 1);
    modbus_mapping_t *map = modbus_mapping_new(16, 16, 200, 200);
    for (int i = 0; i < 200; i++) map->tab_registers[i] = map->tab_input_registers[i] = (uint16_t)(i + 1000);
    if (!tcp && (modbus_set_slave(ctx, 1) || modbus_connect(ctx))) return 3;
    printf("%d\n", port);
    fflush(stdout);
    uint8_t query[MODBUS_TCP_MAX_ADU_LENGTH];
    for (;;) {
        if (tcp && modbus_tcp_accept(ctx, &listener) < 0) return 4;
        for (;;) {
            int length = modbus_receive(ctx, query);
            if (length > 0) modbus_reply(ctx, query, length, map);
            else if (length < 0 && tcp) break;
        }
        close(modbus_get_socket(ctx));
    }
}
