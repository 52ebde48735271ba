//go:build unix

package handover

import (
	"net"
	"reflect"
	"strings"
	"testing"
)

func handed(t *testing.T) (*Ports, net.Listener) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	return &Ports{handed: map[string]net.Listener{"grpc": listener}}, listener
}

func TestAPortThatWasHandedOverIsTakenIfItIsTheOneThatIsWanted(t *testing.T) {
	for _, address := range []string{"127.0.0.1:0", ""} {
		p, old := handed(t)
		if address == "" {
			address = old.Addr().String()
		}
		got, err := p.Listen(t.Context(), "grpc", address)
		if err != nil || got != old {
			t.Errorf("at %s: %v, %v, want the one that was handed over", address, got, err)
		}
	}
}

func TestAPortAtAnotherAddressIsOpenedAndTheOldOneClosed(t *testing.T) {
	p, old := handed(t)
	got, err := p.Listen(t.Context(), "grpc", "127.0.0.2:0")
	if err != nil {
		t.Fatal(err)
	}
	defer got.Close()
	if host, _, _ := net.SplitHostPort(got.Addr().String()); host != "127.0.0.2" {
		t.Errorf("it listens at %v", got.Addr())
	}
	if conn, err := net.Dial("tcp", old.Addr().String()); err == nil {
		conn.Close()
		t.Error("the old port is open")
	}
	if _, err := p.Listen(t.Context(), "http", "127.0.0.1:0"); err != nil {
		t.Errorf("a port that was not handed over: %v", err)
	}
}

func TestPortsAreNamedInTheEnvironment(t *testing.T) {
	if got, err := named("grpc=7,http=9"); err != nil || !reflect.DeepEqual(got, []heldPort{{"grpc", 7}, {"http", 9}}) {
		t.Errorf("%v, %v", got, err)
	}
	if got, err := named(""); err != nil || got != nil {
		t.Errorf("of nothing: %v, %v", got, err)
	}
	for _, wrong := range []string{"grpc", "grpc=", "grpc=2", "grpc=x", "grpc=7,"} {
		if _, err := named(wrong); err == nil {
			t.Errorf("%q is accepted", wrong)
		}
	}
}

func TestSocketsOfSystemdHaveTheNamesOfPorts(t *testing.T) {
	for _, c := range []struct {
		count, names string
		want         []heldPort
	}{
		{"1", "perdure.socket", []heldPort{{"grpc", 3}}},
		{"1", "ui", []heldPort{{"ui", 3}}},
		{"2", "http:grpc", []heldPort{{"http", 3}, {"grpc", 4}}},
	} {
		if got, err := ofSystemd(c.count, c.names); err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s, %s: %v, %v", c.count, c.names, got, err)
		}
	}
	if _, err := ofSystemd("2", "a.socket:b.socket"); err == nil || !strings.Contains(err.Error(), "FileDescriptorName=") {
		t.Errorf("two without names: %v", err)
	}
	if _, err := ofSystemd("none", ""); err == nil {
		t.Error("no number is accepted")
	}
}
