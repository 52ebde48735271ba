package frontend

import (
	"context"
	"net/url"
	"slices"
	"strings"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/serviceerror"
	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/internal/dynamicconfig"
	"github.com/perdure/perdure/internal/nexus"
)

var errInternalCallback = serviceerror.NewInvalidArgument("invalid url: temporal://internal is reserved for servers")

// checkCallbacks checks completion callbacks: how many, how big, and that they go where
// they may. Names in their headers are put into lower case.
func checkCallbacks(ctx context.Context, callbacks []*commonpb.Callback) error {
	if most := settingOf(ctx, dynamicconfig.CallbacksPerWorkflow); len(callbacks) > most {
		return serviceerror.NewInvalidArgumentf("cannot attach more than %d callbacks to an execution", most)
	}
	for _, callback := range callbacks {
		to := callback.GetNexus()
		if to == nil {
			return serviceerror.NewUnimplementedf("unknown callback variant: %T", callback.GetVariant())
		}
		if err := checkCallbackURL(ctx, to.GetUrl()); err != nil {
			return err
		}
		size, header := 0, make(map[string]string, len(to.GetHeader()))
		for name, value := range to.GetHeader() {
			size += len(name) + len(value)
			header[strings.ToLower(name)] = value
		}
		if most := settingOf(ctx, dynamicconfig.CallbackHeaderSize); size > most {
			return serviceerror.NewInvalidArgumentf("invalid header: header size longer than max allowed size of %d", most)
		}
		to.Header = header
	}
	return nil
}

func checkCallbackURL(ctx context.Context, address string) error {
	if most := settingOf(ctx, dynamicconfig.CallbackURLLength); len(address) > most {
		return serviceerror.NewInvalidArgumentf("invalid url: url length longer than max length allowed of %d", most)
	}
	switch address {
	case nexus.SystemCallback:
		return nil
	case nexus.InternalCallback:
		return errInternalCallback
	}
	u, err := url.Parse(address)
	switch {
	case err != nil:
		return serviceerror.NewInvalidArgumentf("invalid callback url: %v", err)
	case u.Scheme != "http" && u.Scheme != "https":
		return serviceerror.NewInvalidArgumentf("invalid url: unknown scheme: %v", u)
	case u.Host == "":
		return serviceerror.NewInvalidArgument("invalid url: missing host")
	}
	if err := settingOf(ctx, dynamicconfig.CallbackAddresses).Allow(u); err != nil {
		return serviceerror.NewInvalidArgument(err.Error())
	}
	return nil
}

// linksOf are all links of a request, and those of them that are not with its callbacks
// as well.
func linksOf(links []*commonpb.Link, callbacks []*commonpb.Callback) (all, own []*commonpb.Link) {
	for _, callback := range callbacks {
		all = append(all, callback.GetLinks()...)
	}
	for _, link := range links {
		if !slices.ContainsFunc(all, func(other *commonpb.Link) bool { return proto.Equal(link, other) }) {
			own = append(own, link)
		}
	}
	return append(all, own...), own
}
