package server

import (
	"bytes"
	"context"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
	"weak"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/function"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/hashicorp/terraform-plugin-log/tflog"
	"github.com/hashicorp/terraform-plugin-log/tflogtest"
)

// small is a provider with one data source and one function.
type small struct {
	read func(context.Context) // called by the data source while it is read
}

func (small) Metadata(_ context.Context, _ provider.MetadataRequest, resp *provider.MetadataResponse) {
	resp.TypeName = "small"
}
func (small) Schema(context.Context, provider.SchemaRequest, *provider.SchemaResponse)          {}
func (small) Configure(context.Context, provider.ConfigureRequest, *provider.ConfigureResponse) {}
func (small) Resources(context.Context) []func() resource.Resource                              { return nil }
func (p small) DataSources(context.Context) []func() datasource.DataSource {
	return []func() datasource.DataSource{func() datasource.DataSource { return data(p) }}
}
func (small) Functions(context.Context) []func() function.Function {
	return []func() function.Function{func() function.Function { return isNull{} }}
}

// data is the data source of [small].
type data small

func (data) Metadata(_ context.Context, _ datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = "small_data"
}
func (data) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	resp.Schema = schema.Schema{}
}
func (d data) Read(ctx context.Context, _ datasource.ReadRequest, _ *datasource.ReadResponse) {
	d.read(ctx)
}

// isNull is a function of the provider that reports whether its argument is null.
type isNull struct{}

func (isNull) Metadata(_ context.Context, _ function.MetadataRequest, resp *function.MetadataResponse) {
	resp.Name = "is_null"
}
func (isNull) Definition(_ context.Context, _ function.DefinitionRequest, resp *function.DefinitionResponse) {
	resp.Definition = function.Definition{
		Parameters: []function.Parameter{function.StringParameter{Name: "value", AllowNullValue: true}},
		Return:     function.BoolReturn{},
	}
}
func (isNull) Run(ctx context.Context, req function.RunRequest, resp *function.RunResponse) {
	var value *string
	if resp.Error = req.Arguments.Get(ctx, &value); resp.Error == nil {
		resp.Error = resp.Result.Set(ctx, value == nil)
	}
}

// serving returns the server of a [small] provider.
func serving(read func(context.Context)) tfprotov6.ProviderServer { return New(small{read}) }

// TestEveryRequestIsServed checks that the server answers every request that the framework's server answers. plugin-go
// would refuse the others.
func TestEveryRequestIsServed(t *testing.T) {
	stateStores := reflect.TypeFor[tfprotov6.StateStoreServer]()
	theirs := reflect.TypeOf(providerserver.NewProtocol6(small{})())
	ours := reflect.TypeOf(serving(nil))
	for method := range theirs.Methods() {
		if _, unused := stateStores.MethodByName(method.Name); unused {
			continue
		}
		if _, ok := ours.MethodByName(method.Name); !ok {
			t.Errorf("the framework serves %s, and this server does not", method.Name)
		}
	}
}

// TestContextsAreReleased serves each request with a context that holds a value. It checks that the value cannot be
// reached any more after the request has returned, while the server goes on.
func TestContextsAreReleased(t *testing.T) {
	s := serving(func(context.Context) {})
	v := reflect.ValueOf(s)
	for method := range v.Type().Methods() {
		t.Run(method.Name, func(t *testing.T) {
			held := call(t.Context(), v.MethodByName(method.Name))
			runtime.GC()
			runtime.GC()
			if held.Value() != nil {
				t.Error("the context of a request that has returned is still in memory")
			}
		})
	}
	runtime.KeepAlive(s)
}

type contents struct{ _ [1 << 10]byte }

// call serves one empty request of that method to its end, with a context that holds contents.
func call(ctx context.Context, method reflect.Value) weak.Pointer[contents] {
	value := &contents{}
	ctx, cancel := context.WithCancel(context.WithValue(ctx, reflect.TypeFor[contents](), value))
	defer cancel()
	func() {
		defer func() { _ = recover() }() // the framework may panic at an empty request
		answer := method.Call([]reflect.Value{reflect.ValueOf(ctx), reflect.New(method.Type().In(1).Elem())})[0]
		switch stream := answer.Interface().(type) {
		case *tfprotov6.ListResourceServerStream:
			stream.Results(func(tfprotov6.ListResourceResult) bool { return true })
		case *tfprotov6.InvokeActionServerStream:
			stream.Events(func(tfprotov6.InvokeActionEvent) bool { return true })
		}
	}()
	return weak.Make(value)
}

func readData(t *testing.T, ctx context.Context, s tfprotov6.ProviderServer) {
	t.Helper()
	empty := tftypes.Object{AttributeTypes: map[string]tftypes.Type{}}
	config, err := tfprotov6.NewDynamicValue(empty, tftypes.NewValue(empty, map[string]tftypes.Value{}))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := s.ReadDataSource(ctx, &tfprotov6.ReadDataSourceRequest{TypeName: "small_data", Config: &config})
	if err != nil || len(resp.Diagnostics) > 0 {
		t.Error(err, resp)
	}
}

// TestCancellationArrives cancels a request while it is served: once by its own context, and once by StopProvider.
func TestCancellationArrives(t *testing.T) {
	for name, stop := range map[string]func(s tfprotov6.ProviderServer, cancel context.CancelFunc){
		"StopProvider": func(s tfprotov6.ProviderServer, _ context.CancelFunc) {
			_, _ = s.StopProvider(context.Background(), &tfprotov6.StopProviderRequest{})
		},
		"the client": func(_ tfprotov6.ProviderServer, cancel context.CancelFunc) { cancel() },
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			begun := make(chan struct{})
			s := serving(func(ctx context.Context) {
				close(begun)
				select {
				case <-ctx.Done():
				case <-time.After(time.Minute):
					t.Error("the request was not cancelled")
				}
			})
			go func() {
				<-begun
				stop(s, cancel)
			}()
			readData(t, ctx, s)
		})
	}
}

// TestNoGoroutineWaits checks that a context derived from a request's context starts no goroutine. A goroutine per
// request would cost more than the memory that is saved.
func TestNoGoroutineWaits(t *testing.T) {
	parent, cancel := context.WithCancel(t.Context())
	defer cancel()
	before := runtime.NumGoroutine()
	var cancels []context.CancelFunc
	for range 100 {
		_, cancel := context.WithCancel(newScope(parent))
		cancels = append(cancels, cancel)
	}
	if now := runtime.NumGoroutine(); now > before+10 { // goroutines of other tests come and go
		t.Errorf("%d goroutines for 100 contexts", now-before)
	}
	for _, cancel := range cancels {
		cancel()
	}
}

func TestLogFieldsAreKept(t *testing.T) {
	var log bytes.Buffer
	ctx := tflog.SetField(tflogtest.RootLogger(t.Context(), &log), "tf_req_id", "one")
	readData(t, ctx, serving(func(ctx context.Context) { tflog.Info(ctx, "reading") }))
	lines, err := tflogtest.MultilineJSONDecode(&log)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(lines, func(line map[string]any) bool {
		return line["@message"] == "reading" && line["tf_req_id"] == "one"
	}) {
		t.Errorf("the log of a request lacks the fields of its context: %v", lines)
	}
}

// TestAbsentArgumentIsNull sends a null argument of a function as OpenTofu sends it, and as Terraform sends it.
func TestAbsentArgumentIsNull(t *testing.T) {
	text, err := tfprotov6.NewDynamicValue(tftypes.String, tftypes.NewValue(tftypes.String, "text"))
	if err != nil {
		t.Fatal(err)
	}
	null, err := tfprotov6.NewDynamicValue(tftypes.String, tftypes.NewValue(tftypes.String, nil))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		argument *tfprotov6.DynamicValue
		want     bool
	}{
		"nothing":       {&tfprotov6.DynamicValue{}, true},
		"no value":      {nil, true},
		"null":          {&null, true},
		"a text":        {&text, false},
		"null as JSON":  {&tfprotov6.DynamicValue{JSON: []byte("null")}, true},
		"a JSON string": {&tfprotov6.DynamicValue{JSON: []byte(`"text"`)}, false},
	} {
		t.Run(name, func(t *testing.T) {
			resp, err := serving(nil).CallFunction(t.Context(), &tfprotov6.CallFunctionRequest{
				Name: "is_null", Arguments: []*tfprotov6.DynamicValue{c.argument},
			})
			if err != nil {
				t.Fatal(err)
			}
			if resp.Error != nil {
				t.Fatal(strings.TrimSpace(resp.Error.Text))
			}
			value, err := resp.Result.Unmarshal(tftypes.Bool)
			if err != nil {
				t.Fatal(err)
			}
			var got bool
			if err := value.As(&got); err != nil || got != c.want {
				t.Errorf("the function was given null: %t, want %t (%v)", got, c.want, err)
			}
		})
	}
}
